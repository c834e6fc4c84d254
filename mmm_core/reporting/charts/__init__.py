"""Small hand-made SVG charts: light, sharp in print, and readable without any library."""
