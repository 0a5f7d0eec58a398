"""الرقابة: what auditors see of the log, of one letter's life, of codes and registers, and of unusual reading."""
