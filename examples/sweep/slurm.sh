#!/bin/bash
# One shard per array task; the folder must be on a file system that all nodes share.
#
#     sbatch --wait examples/sweep/slurm.sh && atome sweep merge runs/sweep -o runs/sweep/results.json
#
# A task that is cut off and queued again goes on where it was. The array must start at 0.
#SBATCH --job-name=atome-sweep
#SBATCH --array=0-3
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=02:00:00
#SBATCH --requeue
set -euo pipefail
SWEEP="${SWEEP:-examples/sweep/sweep.json}"
OUTPUT="${OUTPUT:-runs/sweep}"
# The atome command of your node_modules; in a checkout: ATOME="node dist/cli/main.js".
ATOME="${ATOME:-npx atome}"
exec $ATOME sweep "$SWEEP" -o "$OUTPUT" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
