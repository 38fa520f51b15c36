"""TabuladorMax and Gestão Scouter in a box: the databases of both projects."""
