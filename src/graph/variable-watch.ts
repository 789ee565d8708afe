import * as tf from '@tensorflow/tfjs';

/** What a function has done to variables since `watchVariables` was called. Works on every backend. */
export interface VariableWatch {
  /** The variables that existed before. */
  readonly existing: readonly tf.Variable[];
  /** The variables that have been created since. Kept up to date. */
  readonly created: readonly tf.Variable[];
  /** Returns the variables among `existing` that have been assigned. */
  assigned(): tf.Variable[];
  /**
   * Stops watching and undoes all assignments. A variable that was created gets its first value again, because the
   * function may have kept it for its next run.
   */
  undo(): void;
}

interface SavedValue {
  readonly variable: tf.Variable;
  /** An assignment changes it. */
  readonly dataId: object;
  /** Shares the values, so that an assignment does not free them. */
  readonly copy: tf.Tensor;
}

/** Saves the values of all variables, and watches for new ones. The caller calls `undo`. */
export function watchVariables(): VariableWatch {
  const engine = tf.engine();
  const existing = registeredVariables();
  const saved = existing.map(save);
  const created: tf.Variable[] = [];
  const { makeVariable } = engine;
  engine.makeVariable = (...parameters) => {
    const variable = makeVariable.apply(engine, parameters);
    created.push(variable);
    saved.push(save(variable));
    return variable;
  };
  return {
    existing,
    created,
    assigned: () =>
      saved
        .slice(0, existing.length)
        .filter(isAssigned)
        .map(({ variable }) => variable),
    undo: () => {
      delete (engine as Partial<typeof engine>).makeVariable;
      for (const value of saved) {
        if (isAssigned(value)) value.variable.assign(value.copy);
        value.copy.dispose();
      }
    },
  };
}

function save(variable: tf.Variable): SavedValue {
  return { variable, dataId: variable.dataId, copy: tf.keep(variable.clone()) };
}

function isAssigned({ variable, dataId }: SavedValue): boolean {
  return !variable.isDisposed && variable.dataId !== dataId;
}

function registeredVariables(): tf.Variable[] {
  return Object.values(tf.engine().state.registeredVariables);
}
