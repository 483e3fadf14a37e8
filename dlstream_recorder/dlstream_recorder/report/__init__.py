"""What a session says: its tables read back, its summary and its pictures."""
