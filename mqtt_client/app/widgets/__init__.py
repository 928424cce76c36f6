"""What is on the screen. Widgets hold no truth: they are told what to show, and tell what was pressed."""
