"""What happens, in order: Prefect flows, and how they are run, served and cancelled."""
