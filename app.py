"""The Space's entry: `python app.py` serves the app and prints its address."""

from space.settings import load_settings
from space.ui.app import launch

if __name__ == "__main__":
    launch(load_settings())
