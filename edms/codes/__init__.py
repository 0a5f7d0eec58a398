"""الرموز: document codes, and issued copies that name who received them."""
