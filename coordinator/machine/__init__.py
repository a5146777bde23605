"""What a host reports of itself: utilization, neighbours, sensors, limits, recordings."""
