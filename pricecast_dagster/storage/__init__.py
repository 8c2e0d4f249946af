"""What persists: the database, the frames, the models, and their backup."""
