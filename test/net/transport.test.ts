import { transportConformance } from '../conformance/transport.js';
import { meshWorld } from './mesh-world.js';

transportConformance('the mesh', async () => meshWorld());
transportConformance('the mesh with a secret', async () => meshWorld({ secret: 'of this test' }));
