"""Writing experiments: templates, the wizard, and an experiment explained in words and pictures."""
