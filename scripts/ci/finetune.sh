#!/bin/sh
# Fine-tunes a base model on some digits and fails if the result does not meet the policy.
#
#   finetune.sh BASE OUT DIGITS [POLICY]
#
# DIGITS is a list such as 2,3,5,8,9. A run in OUT is replaced.
# Writes report.json, report.html and gates.xml (JUnit) to $REPORTS (default: reports); on GitHub also the job
# summary and annotations. Exits with code 10 if a gate was not met, after writing the run and the reports.
# Set other options of `tfjs-lora finetune` as TFJS_LORA_* variables, such as TFJS_LORA_REPLAY=0.5.
set -eu
usage='usage: finetune.sh BASE OUT DIGITS [POLICY]'
base=${1:?$usage}
out=${2:?$usage}
digits=${3:?$usage}
policy=${4:-$(dirname "$0")/gates.toml}
reports=${REPORTS:-reports}

exec npx tfjs-lora finetune "$base" --out "$out" --overwrite --digits "$digits" --policy "$policy" \
  --report "$reports/report.json" --report "$reports/report.html" --report "$reports/gates.xml"
