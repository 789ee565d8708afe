/** The single-file build of echarts, which comes without types. */
declare module 'echarts/dist/echarts.esm.min' {
  export * from 'echarts';
}
