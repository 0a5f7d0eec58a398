"""Search: one encrypted index per entity behind the Index port; two embedded engines, one analysis."""
