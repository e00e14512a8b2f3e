"""One vendor a file: each implements a port and translates the vendor's errors."""
