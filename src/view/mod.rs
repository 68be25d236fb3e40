//! What a screen shows, as values: map, card, footer.
