"""Pictures: image in, marks out; never knows a score."""
