"""What the lessons lean on and do not teach.

``settings``  how big a run is, which assets and which device it uses
``device``    what the device is, and what is set up for it
``assets``    the choice between the Hub and the packages that are installed
``embedded``  the reviews and the checkpoint in those packages
``hub``       what stops a push to the Hugging Face Hub, in one sentence
``pictures``  the figures
``panel``     the text box that classifies a review
``results``   the figures of a run, in a file
``architectures``  which models can classify text

Importing this package imports neither torch nor tensorflow.
"""

from helpers.errors import TutorialError

__all__ = ["TutorialError"]
