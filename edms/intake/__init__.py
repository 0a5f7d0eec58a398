"""الاستلام: messages as they arrived, waiting for the clerk or registered by rule."""
