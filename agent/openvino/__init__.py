"""OpenVINO: its C and C++ functions, models, preprocessing, the built-in models."""
