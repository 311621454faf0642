"""What every layer may call to be observed. No Django."""
