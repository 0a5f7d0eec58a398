"""القيد: registers, their gapless yearly numbers and entries."""
