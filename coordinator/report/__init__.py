"""Renderers: they lay out figures that others computed."""
