"""What else could explain a flat success curve, and what stands out in one run."""
