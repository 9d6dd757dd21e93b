import { useSearchParams } from 'react-router-dom';

/** Whether the "add" dialog is open, kept in the address so that other pages can lead straight to it. */
export function useAddDialog(): [boolean, () => void, () => void] {
  const [params, setParams] = useSearchParams();
  return [params.has('add'), () => setParams({ add: '' }, { replace: true }), () => setParams({}, { replace: true })];
}
