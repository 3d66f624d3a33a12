"""The annotator: a local server and the page that people scribble on. Start it with ``idpro serve``."""
