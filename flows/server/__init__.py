"""The Prefect server: embedded for one process, served with UI and worker, prepared, deployed to."""
