"""Whether a machine is ready for the lessons: ``make doctor``, or ``python -m helpers doctor``.

``look``    finds out what is here, with the standard library alone, and asks the Python of each track
``probe``   what that Python answers: packages, data, one batch through the model
``report``  a line for each finding, the short code that holds them, and the table of a class
"""
