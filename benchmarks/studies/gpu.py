"""The PyTorch lesson at the full profile on a GPU: ``python benchmarks/studies/gpu.py``, about five minutes on a large GPU.

Trains on all embedded reviews for the guide's two epochs, with the guide's settings and with the kit's, in alternation, and
tests on all 5,000 test reviews. Also measures the GPU's own rate in a large matrix product. Needs torch with CUDA or ROCm,
and this package; TensorFlow may be missing.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
from common import RESULTS, median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=common.positive, default=1)
    parser.add_argument("--epochs", type=common.positive, default=2)
    parser.add_argument("--reviews", type=int, default=0, help="training reviews; 0 for all there are")
    parser.add_argument("--test-reviews", type=common.positive, default=5_000)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu, with few reviews: to try it out")
    arguments = parser.parse_args()
    import torch

    on_gpu = arguments.device == "gpu"
    if on_gpu and not torch.cuda.is_available():
        raise SystemExit("torch finds no GPU here; install a build for your GPU, or see benchmarks/bench.py for a CPU.")
    name = torch.cuda.get_device_name() if on_gpu else common.machine()["processor"]
    sizes = {key: getattr(arguments, key) for key in ("epochs", "reviews", "test_reviews", "device")}
    ceilings = [common.ceiling(gpu=on_gpu)]
    runs = {"guide": [], "kit": []}
    for seed in range(arguments.rounds):
        for recipe, levers in (("guide", ""), ("kit", "kit")):
            print(f"round {seed + 1} of {arguments.rounds}: {recipe}", flush=True)
            runs[recipe].append(common.measure("pytorch", levers, profile="full", seed=seed, **sizes))
        ceilings.append(common.ceiling(gpu=on_gpu))
    ceiling = {kind: median(ceilings, kind) for kind in ("fp32", "bf16")}
    result = {
        "machine": common.machine() | {"gpu": name, "torch": torch.__version__},
        "settings": vars(arguments),
        "ceiling_gflops": ceiling,
        "speedup": median(runs["kit"], "reviews_per_s") / median(runs["guide"], "reviews_per_s"),
    }
    for recipe, done in runs.items():
        result[recipe] = {
            "accuracy": statistics.mean(one["accuracy"] for one in done),
            "train_seconds": median(done, "seconds"),
            "reviews_per_s": median(done, "reviews_per_s"),
            "fraction_of_ceiling": median(done, "steady_gflops") / max(ceiling.values()),
            "runs": done,
        }
    if on_gpu:
        common.write(RESULTS / "gpu.json", result)
    rows = [[key, result["guide"][key], result["kit"][key]] for key in result["kit"] if key != "runs"]
    common.show(name, ["", "guide", "kit"], [*rows, ["speed-up", "", result["speedup"]]])
    print(f"Matrix product: {ceiling['fp32']:.0f} GFLOP/s in fp32, {ceiling['bf16']:.0f} in bf16.")


if __name__ == "__main__":
    main()
