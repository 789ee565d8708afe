#!/bin/sh
# Evaluates a run and fails if it does not meet the policy, compared with a baseline.
#
#   evaluate.sh RUN BASELINE [POLICY]
#
# BASELINE is the run folder or the report.json of the model in use.
# Writes report.json, report.html and gates.xml (JUnit) to $REPORTS (default: reports); on GitHub also the job
# summary and annotations. Exits with code 10 if a gate was not met, after writing the reports.
# Set other options of `tfjs-lora eval` as TFJS_LORA_* variables, such as TFJS_LORA_DATA.
set -eu
usage='usage: evaluate.sh RUN BASELINE [POLICY]'
run=${1:?$usage}
baseline=${2:?$usage}
policy=${3:-$(dirname "$0")/gates.toml}
reports=${REPORTS:-reports}

exec npx tfjs-lora eval "$run" --baseline "$baseline" --policy "$policy" \
  --report "$reports/report.json" --report "$reports/report.html" --report "$reports/gates.xml"
