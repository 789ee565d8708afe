/** Learning rate over steps. `warmup` steps rise linearly from 0 first, then the schedule begins. */
export type Schedule =
  | { readonly kind: 'constant'; readonly warmup?: number }
  | {
      readonly kind: 'cosine';
      readonly totalSteps: number;
      readonly minimum?: number;
      readonly warmup?: number;
    }
  | { readonly kind: 'step'; readonly every: number; readonly factor: number; readonly warmup?: number };

/**
 * Update rules with PyTorch's meaning of each number (torch.optim), also where tfjs differs: Adam's epsilon
 * is added after bias correction and defaults to 1e-8; AdamW's decay is decoupled; momentum is
 * v = momentum * v + g, w -= lr * v.
 */
export type OptimizerRule =
  | { readonly kind: 'adam'; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number }
  | {
      readonly kind: 'adamw';
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
      readonly weightDecay?: number;
    }
  | { readonly kind: 'sgd'; readonly momentum?: number; readonly nesterov?: boolean }
  | {
      readonly kind: 'rmsprop';
      readonly decay?: number;
      readonly epsilon?: number;
      readonly momentum?: number;
      readonly centered?: boolean;
    }
  | { readonly kind: 'adagrad'; readonly epsilon?: number; readonly initialAccumulator?: number };

/** How weights move with their gradients. */
export interface OptimizerConfig {
  readonly rule: OptimizerRule;
  /** Step size before the schedule, > 0. */
  readonly learningRate: number;
  readonly schedule?: Schedule;
  /** Gradients are scaled down together when their global L2 norm exceeds this. */
  readonly clipNorm?: number;
}
