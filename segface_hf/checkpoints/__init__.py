"""Where weights come from and go to: folders, the Hub, conversion, publishing, cards."""
