"""Session folders: writes them live or offline, recovers and checks them."""
