/** Part of step 4 of the compiled engines (see engine.ts): variables of tfjs and their copies in a session. */
import * as tf from '@tensorflow/tfjs';
import { nativeBackend, type Session, type SessionVariables, tensorId } from '../../tensorflow/index.ts';

/** Variables of tfjs that have a copy in a session, by name. */
export class SyncedVariables {
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #copies: SessionVariables;
  readonly #session: Session;
  /** The `dataId` of each variable when its value was last exchanged. An assignment changes it. */
  readonly #exchanged = new Map<string, object>();

  constructor(variables: ReadonlyMap<string, tf.Variable>, copies: SessionVariables, session: Session) {
    this.#variables = variables;
    this.#copies = copies;
    this.#session = session;
  }

  /** Copies the variables to the session that have been assigned since they were last exchanged; at first, all. */
  writeAssigned(): void {
    const backend = nativeBackend();
    const ids = new Map<string, number>();
    for (const [name, variable] of this.#variables) {
      if (variable.isDisposed || this.#exchanged.get(name) === variable.dataId) continue;
      ids.set(name, tensorId(backend, variable));
      this.#exchanged.set(name, variable.dataId);
    }
    this.#copies.write(this.#session, ids);
  }

  /** Copies variables from the session. */
  read(names: readonly string[]): void {
    if (names.length === 0) return;
    for (const [name, values] of this.#copies.read(this.#session, names)) {
      const variable = this.#variables.get(name)!;
      if (variable.isDisposed) continue;
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, variable.dtype)));
      this.#exchanged.set(name, variable.dataId);
    }
  }
}
