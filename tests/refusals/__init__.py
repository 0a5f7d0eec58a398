"""What people get wrong: each wrong thing is answered clearly and changes nothing."""
