"""Descriptions of web APIs (OpenAPI 3, Swagger 2): read, and their operations compiled into typed tools."""
