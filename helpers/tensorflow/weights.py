"""Save a TensorFlow model so that both tracks, and everybody who has PyTorch alone, can load it."""

from pathlib import Path


def save_for_both_tracks(model, folder) -> None:
    """Write ``model`` (a ``TFPreTrainedModel``) to ``folder``: ``config.json`` and ``model.safetensors``.

    ``save_pretrained`` of the TensorFlow classes writes Keras' names and layouts, which transformers can turn into
    PyTorch's only where TensorFlow is installed. Here its own rules for that are applied when saving: a matrix is
    transposed, ``kernel`` becomes ``weight``, and so on. TensorFlow classes read such a file too.
    """
    from safetensors.numpy import save_file
    from transformers.modeling_tf_pytorch_utils import apply_transpose, convert_tf_weight_name_to_pt_weight_name

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__.removeprefix("TF")]
    model.config.save_pretrained(folder)
    weights = {}
    for variable in model.weights:
        name, transpose = convert_tf_weight_name_to_pt_weight_name(variable.name, tf_weight_shape=variable.shape)
        weights[name] = apply_transpose(transpose, variable.numpy(), pt_to_tf=False).copy()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
