"""What is read of a host: utilization, neighbours, sensors, limits, recordings."""
