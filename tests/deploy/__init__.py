"""What ``deploy/`` holds, and the image: checked by the programs that read it."""
