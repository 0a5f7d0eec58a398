"""الكتب: official letters from draft to archive, their versions, signatures and printed form."""
