import { CharacterIdentityResult, CharacterGenerationParams, CharacterGenerationResult } from '@/types';
import { getMediaService } from './mediaService';

const FAL_LORA_API_KEY = process.env.FAL_INSTANT_CHARACTER_API_KEY || ''; // Same key as Instant Character

export const isFalLoraAvailable = (): boolean => {
  return !!FAL_LORA_API_KEY;
};

/**
 * Create character identity using Flux LoRA training
 * Requires 5-20 reference images and 5-10 minutes training time
 */
export async function createFluxLoraCharacterIdentity(
  characterName: string,
  referenceImages: string[], // 5-20 reference images
  onProgress?: (progress: number) => void,
  context?: { projectId?: string; userId?: string }
): Promise<CharacterIdentityResult> {
  if (!isFalLoraAvailable()) {
    throw new Error('Fal.ai LoRA API key is not configured.');
  }

  if (referenceImages.length < 5) {
    throw new Error('Flux LoRA training requires at least 5 reference images.');
  }

  const characterId = `lora-char-${Date.now()}-${Math.random().toString(36).substring(7)}`;
  const triggerWord = characterName.toUpperCase().replace(/\s+/g, '_');
  const startTime = Date.now();

  onProgress?.(5);

  try {
    // Step 1: Upload reference images to temporary storage or zip them
    onProgress?.(10);

    // For PoC, we'll use the direct image URLs (production would zip and upload to Supabase)
    const trainingPayload = {
      images_data_url: referenceImages, // Array of URLs or ZIP URL
      steps: 1000, // Training steps (recommended: 1000)
      trigger_word: triggerWord,
    };

    // Step 2: Start LoRA training via serverless proxy
    onProgress?.(20);

    const trainingResponse = await fetch('/api/fal-lora-training-proxy', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(trainingPayload),
    });

    if (!trainingResponse.ok) {
      const errorText = await trainingResponse.text();
      throw new Error(`Fal.ai LoRA training API failed: ${trainingResponse.statusText} - ${errorText}`);
    }

    const trainingData = await trainingResponse.json();
    const trainingJobId = trainingData.request_id;

    onProgress?.(30);

    // Step 3: Poll for training completion (5-10 minutes)
    let trainingComplete = false;
    let loraModelUrl: string | null = null;
    let pollAttempts = 0;
    const maxPollAttempts = 60; // 10 minutes max (10s intervals)

    while (!trainingComplete && pollAttempts < maxPollAttempts) {
      await new Promise(resolve => setTimeout(resolve, 10000)); // Poll every 10 seconds
      pollAttempts++;

      const statusResponse = await fetch(`/api/fal-lora-status-proxy?request_id=${trainingJobId}`);
      const statusData = await statusResponse.json();

      if (statusData.status === 'completed') {
        trainingComplete = true;
        loraModelUrl = statusData.diffusers_lora_file?.url || statusData.lora_file?.url;
      } else if (statusData.status === 'failed') {
        throw new Error(`LoRA training failed: ${statusData.error || 'Unknown error'}`);
      }

      const progress = Math.min(90, 30 + (pollAttempts / maxPollAttempts) * 60);
      onProgress?.(progress);
    }

    if (!loraModelUrl) {
      throw new Error('LoRA training timed out or returned no model URL.');
    }

    onProgress?.(95);

    // Step 4: Upload LoRA model to Supabase Storage (if available)
    let modelStorageUrl = loraModelUrl;
    if (context?.projectId && context?.userId) {
      const mediaService = getMediaService();
      if (mediaService) {
        try {
          // Download LoRA model
          const modelResponse = await fetch(loraModelUrl);
          const modelBlob = await modelResponse.blob();

          // Upload to Supabase
          const fileName = `lora_${characterName.replace(/\s+/g, '_')}_${Date.now()}.safetensors`;
          const { asset, error } = await mediaService.uploadBlob(
            context.projectId,
            context.userId,
            modelBlob,
            fileName,
            'application/octet-stream',
            {
              characterId,
              characterName,
              triggerWord,
              provider: 'fal-lora',
              type: 'lora_model',
            }
          );

          if (asset && !error) {
            modelStorageUrl = asset.url;
          }
        } catch (uploadError) {
          console.warn('Failed to upload LoRA model to Supabase, using direct URL:', uploadError);
        }
      }
    }

    const trainingTime = Date.now() - startTime;
    const cost = 2.00; // $2 per training

    onProgress?.(100);

    return {
      characterId,
      provider: 'fal-lora',
      modelUrl: loraModelUrl,
      modelStorageUrl,
      referenceUrls: referenceImages,
      status: 'ready',
      metadata: {
        trainingTime,
        modelSize: undefined, // Not provided by API
        cost,
        createdAt: new Date().toISOString(),
      },
    };
  } catch (error) {
    onProgress?.(100);
    throw new Error(`Flux LoRA training failed: ${error instanceof Error ? error.message : 'Unknown error'}`);
  }
}

/**
 * Generate image with trained LoRA model
 */
export async function generateWithFluxLora(
  params: CharacterGenerationParams,
  characterIdentity: CharacterIdentityResult,
  onProgress?: (progress: number) => void
): Promise<CharacterGenerationResult> {
  if (!isFalLoraAvailable()) {
    throw new Error('Fal.ai LoRA API key is not configured.');
  }

  if (!characterIdentity.modelUrl && !characterIdentity.modelStorageUrl) {
    throw new Error('LoRA model URL is missing. Training may have failed.');
  }

  const startTime = Date.now();
  onProgress?.(10);

  try {
    const loraUrl = characterIdentity.modelStorageUrl || characterIdentity.modelUrl;

    const response = await fetch('/api/fal-lora-inference-proxy', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        lora_url: loraUrl,
        prompt: params.prompt,
        image_size: params.aspectRatio || '1:1',
        num_images: 1,
        guidance_scale: params.guidanceScale || 7.5,
        num_inference_steps: params.numInferenceSteps || 30,
        seed: params.seed,
        negative_prompt: params.negativePrompt,
      }),
    });

    onProgress?.(90);

    if (!response.ok) {
      const errorText = await response.text();
      throw new Error(`Fal.ai LoRA inference failed: ${response.statusText} - ${errorText}`);
    }

    const data = await response.json();
    const imageUrl = data.images?.[0]?.url;

    if (!imageUrl) {
      throw new Error('Fal.ai LoRA inference returned no image URL.');
    }

    const inferenceTime = Date.now() - startTime;
    const cost = 0.06; // Estimated cost per generation

    onProgress?.(100);

    return {
      imageUrl,
      aspectRatio: params.aspectRatio || '1:1',
      metadata: {
        promptUsed: params.prompt,
        provider: 'fal-lora',
        inferenceTime,
        cost,
        generatedAt: new Date().toISOString(),
      },
    };
  } catch (error) {
    onProgress?.(100);
    throw new Error(`Flux LoRA generation failed: ${error instanceof Error ? error.message : 'Unknown error'}`);
  }
}

/**
 * Check if LoRA training is complete
 */
export async function isFluxLoraReady(characterId: string, requestId?: string): Promise<boolean> {
  if (!requestId) return false;

  try {
    const statusResponse = await fetch(`/api/fal-lora-status-proxy?request_id=${requestId}`);
    const statusData = await statusResponse.json();
    return statusData.status === 'completed';
  } catch {
    return false;
  }
}
