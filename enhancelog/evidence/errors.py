class Unproven(ValueError):
    """Why a note, a proof or a receipt proves nothing, in one line."""
