"""The draw-and-translate page: a model in the browser, with nothing but a folder of files.

    keras_gans.web.write(model, "page", examples=held_out)
    with keras_gans.web.server("page") as server:
        server.serve_forever()

`page/` is the page as it is delivered, plain HTML, CSS and ES modules; `folder.py` puts it
together with a model's networks, `runtime.py` finds what computes, `drawing.py` measures what
drawings look like, `serving.py` serves the folder.
"""

from keras_gans.web.folder import is_current, write
from keras_gans.web.serving import address, server

__all__ = ["address", "is_current", "server", "write"]
