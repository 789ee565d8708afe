/** All of echarts in one file. */
declare module 'echarts/dist/echarts.esm.min' {
  export * from 'echarts';
}
