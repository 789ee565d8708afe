import * as tf from '@tensorflow/tfjs';

/** The variables that a function assigns, such as moving averages. What it assigned is undone. */
export function assignedBy(variables: readonly tf.Variable[], fn: () => void): Set<tf.Variable> {
  return tf.tidy(() => {
    const before = variables.map((variable) => ({
      variable,
      dataId: variable.dataId,
      copy: variable.clone(),
    }));
    const assigned = new Set<tf.Variable>();
    try {
      fn();
    } finally {
      for (const { variable, dataId, copy } of before) {
        if (variable.dataId === dataId) continue;
        assigned.add(variable);
        variable.assign(copy);
      }
    }
    return assigned as Set<tf.Variable> & tf.TensorContainer;
  });
}
