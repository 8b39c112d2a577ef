"""How the app looks: one Gradio theme, and a style sheet for what a theme can't express."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_STYLE = Path(__file__).resolve().parents[1] / "web" / "viewer" / "app.css"
_HEAD = Path(__file__).resolve().parents[1] / "web" / "viewer" / "address.js"
_TEAL = gr.themes.Color(
    c50="#effbf8",
    c100="#d3f4ec",
    c200="#a8e8da",
    c300="#72d5c3",
    c400="#3fbba8",
    c500="#1f9f8d",
    c600="#0f766e",
    c700="#115e59",
    c800="#134e4a",
    c900="#123f3d",
    c950="#062423",
    name="teal",
)
_INK = gr.themes.Color(
    c50="#f8f8f7",
    c100="#f0f0ee",
    c200="#e1e1dd",
    c300="#c9c9c3",
    c400="#95958e",
    c500="#6b6b65",
    c600="#52524d",
    c700="#3d3d39",
    c800="#23262b",
    c900="#181a1f",
    c950="#0f1114",
    name="ink",
)


def theme() -> gr.themes.Base:
    """Returns the app's theme: quiet surfaces, one accent, text at 4.5:1 or better."""
    return gr.themes.Base(
        primary_hue=_TEAL,
        secondary_hue=_TEAL,
        neutral_hue=_INK,
        radius_size=gr.themes.sizes.radius_lg,
        text_size=gr.themes.sizes.text_md,
        font=("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_shadow="none",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        color_accent="*primary_600",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="*primary_900",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_border_width="1px",
        button_large_radius="999px",
        button_small_radius="999px",
        button_medium_radius="999px",
    )


def style() -> str:
    """Returns the app's style sheet."""
    return _STYLE.read_text(encoding="utf-8")


def head() -> str:
    """Returns what goes into the page's head: the script that keeps the view in the address."""
    return f"<script>{_HEAD.read_text(encoding='utf-8')}</script>"
