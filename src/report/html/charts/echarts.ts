/**
 * The parts of echarts that the charts use. The build bundles them into this file's place in dist, because echarts takes
 * 65 MB as a dependency, and because Node takes 0.5 s to load its files one by one.
 */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, SVGRenderer]);

export { init } from 'echarts/core';
