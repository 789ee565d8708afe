/** Types of the jStat functions that are used; the package has none. */
declare module 'jstat' {
  const jstat: {
    jStat: {
      /** Regularised incomplete beta function I_x(a, b). */
      ibeta(x: number, a: number, b: number): number;
      studentt: {
        cdf(value: number, degreesOfFreedom: number): number;
        inv(probability: number, degreesOfFreedom: number): number;
      };
      normal: { inv(probability: number, mean: number, std: number): number };
    };
  };
  export default jstat;
}
