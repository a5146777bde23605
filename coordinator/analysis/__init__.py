"""From what agents recorded to figures: pure arithmetic."""
