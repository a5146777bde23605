"""What makes a figure doubtful: findings from a closed list, and the verdict that they add up to."""
