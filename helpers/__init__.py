"""What the lessons lean on and do not teach.

``settings``  how big a run is, where data and model come from, which device
``assets``    the reviews, the checkpoint and the metric, from the Hub or from the machine itself
``hub``       what stops a push to the Hugging Face Hub, in one sentence
``pictures``  the figures
``panel``     the text box that classifies a review
``results``   the figures of a run, in a file
``architectures``  which models can classify text

Importing this package imports neither torch nor tensorflow.
"""

from helpers.errors import TutorialError

__all__ = ["TutorialError"]
