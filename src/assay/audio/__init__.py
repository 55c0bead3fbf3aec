"""Evidence from sound: speech activity, features, recording quality, and the detector of synthetic speech."""
