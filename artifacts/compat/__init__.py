"""What lets code that was written for other trackers run unchanged."""
