"""What may go wrong, made to go wrong many times: a module for each subject."""
